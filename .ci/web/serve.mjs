// A sealvk serve with its demo model, on a free port.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** serve starts it with these flags, and gives its address once the model is loaded. */
export async function serve(...flags) {
  const child = spawn(new URL("../../bin/sealvk", import.meta.url).pathname, ["serve", "--port", "0", "--log", "none", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
  const said = [];
  const address = await new Promise((resolve, reject) => {
    child.on("exit", (code) => reject(new Error(`sealvk serve ended with ${code}: ${said.join("\n")}`)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      const found = /listening on (http:\/\/\S+)/.exec(line);
      if (found) resolve(found[1]);
    });
  });
  while (!(await fetch(`${address}/health`)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  return { address, stop: () => child.kill() };
}
