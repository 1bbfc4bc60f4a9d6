// The server's API. All addresses are relative to the page's, so that it works behind a proxy's prefix.
import { events } from "./sse.js";
import { kept } from "./kept.js";

/** Refused is what the server, or the way to it, answered instead of what was asked for. */
export class Refused extends Error {
  /** status is HTTP's, 0 where there was no answer; code is OpenAI's; retryAfter is in seconds, 0 for none. */
  constructor(message, { status = 0, code = "", retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { status, code, retryAfter });
  }
}

/** tooLong is OpenAI's code of messages that the context does not hold. */
export const tooLong = "context_length_exceeded";

/** keyName is that under which the API key is kept. */
export const keyName = "sealvk-key";

// What /health says of a server that takes no requests.
const conditions = {
  loading: "the model is being loaded",
  lost: "the device was lost, and the model is being loaded again",
  failed: "the model could not be loaded",
  stopping: "the server is being stopped",
};

async function ask(path, options = {}) {
  const headers = { Accept: "application/json" };
  const key = kept(keyName);
  if (key) headers.Authorization = `Bearer ${key}`;
  if (options.body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), { cache: "no-store", ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer.");
  }
  if (response.ok) return response;
  let body = {};
  try {
    body = await response.json();
  } catch { /* a proxy's page */ }
  const said = body?.error?.message ?? (body?.status in conditions ? conditions[body.status] + (body.reason ? ` (${body.reason})` : "") : "");
  throw new Refused(said || `The server answered with status ${response.status}.`, {
    status: response.status,
    code: body?.error?.code ?? "",
    retryAfter: Number(response.headers.get("Retry-After")) || 0,
  });
}

/** models are the server's: {id, context} with context in tokens, 0 where it does not say. */
export async function models() {
  const list = await (await ask("v1/models")).json();
  return (list.data ?? []).map((model) => ({ id: String(model.id), context: Number(model.max_model_len ?? model.meta?.n_ctx) || 0 }));
}

/** health is "" for a server that answers, or the reason why it does not. */
export async function health(signal) {
  try {
    await ask("health", { signal });
    return "";
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return error.status === 0 || error.status >= 500 ? error.message : ""; // other servers lack the address
  }
}

/** complete yields the parts of an answer, OpenAI's chat.completion.chunk, as they come. */
export async function* complete(request, signal) {
  const body = JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } });
  const response = await ask("v1/chat/completions", { method: "POST", body, signal });
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") return;
      const part = JSON.parse(data);
      if (part.error) {
        throw new Refused(part.error.message ?? String(part.error), { status: Number(part.error.status) || 500, code: part.error.code ?? "" });
      }
      yield part;
    }
  } catch (error) {
    if (error instanceof Refused || error.name === "AbortError") throw error;
    throw new Refused("The connection was lost in the middle of the answer.", { code: "connection_lost" });
  }
  throw new Refused("The connection was lost in the middle of the answer.", { code: "connection_lost" });
}
