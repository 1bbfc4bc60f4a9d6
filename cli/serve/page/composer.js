// The field in which a message is written. Enter sends it, but not while an input method composes a word, and not on a
// phone, whose keyboards have no Shift-Enter.
import { byId } from "./dom.js";
import { language } from "./script.js";
import { kept, put } from "./kept.js";

const draft = "sealvk-draft";
const touch = matchMedia("(hover: none) and (pointer: coarse)");

/** readyComposer has send called with each message, stop to end an answer, up for the arrow in an empty field. */
export function readyComposer({ send, stop, up }) {
  const field = byId("prompt");
  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
    const tag = language(field.value);
    if (field.lang !== tag) field.lang = tag;
    sendable();
    put(draft, field.value, false);
  };
  const submit = async () => {
    const text = field.value;
    if (!text.trim() || answering) return;
    field.value = "";
    fit();
    await send(text);
  };
  byId("hint").textContent = touch.matches ? "" : "Enter sends, Shift+Enter begins a new line";
  field.enterKeyHint = touch.matches ? "enter" : "send";
  field.addEventListener("input", fit);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey && (!touch.matches || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!(event.ctrlKey && event.shiftKey)) submit();
    } else if (event.key === "ArrowUp" && field.value === "") {
      event.preventDefault();
      up();
    }
  });
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    if (answering) stop();
    else submit();
  });
  field.value = kept(draft) ?? "";
  fit();
}

let answering = false;

/** setAnswering makes the button that sends the one that stops, and back. */
export function setAnswering(yes) {
  answering = yes;
  const button = byId("send");
  button.setAttribute("aria-label", yes ? "Stop" : "Send");
  button.title = yes ? "Stop (Esc)" : "Send (Enter)";
  button.querySelector("use").setAttribute("href", `page/icons.svg#${yes ? "stop" : "send"}`);
  sendable();
}

function sendable() {
  byId("send").disabled = !answering && !byId("prompt").value.trim();
}
