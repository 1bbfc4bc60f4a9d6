// Elements are made here and in no other way: text stays text, since nothing sets innerHTML.

/** el makes an element. Of props, "class" and those with a dash are attributes, on… listeners, the rest properties. */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class" || name === "role" || name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const svg = "http://www.w3.org/2000/svg";

/** icon is a picture of icons.svg, which says nothing to screen readers: its button has a name. */
export function icon(name) {
  const picture = document.createElementNS(svg, "svg");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(svg, "use");
  use.setAttribute("href", `page/icons.svg#${name}`);
  picture.append(use);
  return picture;
}

/** iconButton is a button with a picture and the name that is its tooltip too. */
export function iconButton(name, label, onclick, props = {}) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

export const byId = (id) => document.getElementById(id);

/** copied puts text on the clipboard and shows on the button that it did; where the browser refuses, it says so. */
export async function copied(button, text, say) {
  const use = button.querySelector("use");
  try {
    await navigator.clipboard.writeText(text);
    use?.setAttribute("href", "page/icons.svg#check");
    setTimeout(() => use?.setAttribute("href", "page/icons.svg#copy"), 1500);
    say("Copied");
  } catch {
    // Over plain HTTP from another machine browsers have no clipboard for pages.
    say("The browser does not let this page use the clipboard: select the text and copy it");
  }
}

/** download hands a file to the browser. */
export function download(name, text) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
