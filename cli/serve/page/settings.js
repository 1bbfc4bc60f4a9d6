// The settings: of the chat that is shown, of those to come, and the server's key.
import { el, byId } from "./dom.js";
import { bounds, outside } from "./file.js";
import { keyName } from "./server.js";
import { kept, put, stays } from "./kept.js";

const forNew = "sealvk-new-chats";

const labels = {
  temperature: "Temperature", top_p: "Top-p", top_k: "Top-k", min_p: "Min-p", max_tokens: "Max tokens", seed: "Seed",
};

/** defaults are the system prompt and settings that new chats begin with. */
export function defaults() {
  try {
    const { system, settings } = JSON.parse(kept(forNew));
    const good = Object.entries(settings).filter(([name, value]) => bounds[name] && !outside(value, bounds[name]));
    if (settings.overflow === "shift") good.push(["overflow", "shift"]);
    return { system: String(system), settings: Object.fromEntries(good) };
  } catch {
    return { system: "", settings: {} };
  }
}

let save = () => {};

/** openSettings shows a chat's settings. done gets {system, settings, model} once they are saved; asked says why the key is needed. */
export function openSettings({ chat, models, model, asked = "", done }) {
  byId("system").value = chat.system;
  for (const name of Object.keys(labels)) {
    const input = byId(`option-${name}`);
    input.value = chat.settings[name] ?? "";
    mark(input, "");
  }
  byId("model-field").hidden = models.length < 2;
  byId("choose-model").replaceChildren(...models.map(({ id }) => el("option", { value: id, textContent: id, selected: id === model })));
  byId("overflow").checked = chat.settings.overflow === "shift";
  byId("for-new").checked = false;
  byId("key").value = kept(keyName) ?? "";
  byId("key-stays").checked = stays(keyName);
  byId("key-asked").textContent = asked;
  save = done;
  if (!byId("settings").open) byId("settings").showModal();
  if (asked) byId("key").focus();
}

/** readySettings makes the fields, once. */
export function readySettings() {
  byId("options").append(...Object.entries(labels).map(([name, label]) => {
    const { whole } = bounds[name];
    return el("label", { class: "field" }, el("span", { textContent: label }),
      el("input", { type: "text", id: `option-${name}`, inputMode: whole ? "numeric" : "decimal", autocomplete: "off", placeholder: "default", "aria-describedby": `wrong-${name}` }),
      el("p", { class: "wrong", id: `wrong-${name}` }));
  }));
  byId("settings-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const settings = {};
    let wrong = null;
    for (const [name, label] of Object.entries(labels)) {
      const input = byId(`option-${name}`);
      // In many of the languages here the decimal point is a comma.
      const text = input.value.trim().replace(",", ".");
      const problem = text === "" ? "" : outside(/^[-+]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : text, bounds[name]);
      mark(input, problem && `${label} ${problem}.`);
      if (problem) wrong ??= input;
      else if (text !== "") settings[name] = Number(text);
    }
    if (wrong) return wrong.focus();
    if (byId("overflow").checked) settings.overflow = "shift";
    const system = byId("system").value.trim() ? byId("system").value : "";
    if (byId("for-new").checked) put(forNew, JSON.stringify({ system, settings }), true);
    put(keyName, byId("key").value.trim(), byId("key-stays").checked);
    byId("settings").close();
    save({ system, settings, model: byId("choose-model").value });
  });
}

function mark(input, problem) {
  if (problem) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  byId(`wrong-${input.id.slice("option-".length)}`).textContent = problem;
}
