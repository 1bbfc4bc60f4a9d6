// The theme, before anything is drawn: no module, since those run later.
(() => {
  const kept = "sealvk-theme";
  const themes = ["auto", "light", "dark"];
  let theme = "auto";
  try {
    theme = localStorage.getItem(kept) ?? theme;
  } catch { /* no storage: as the system has it */ }
  if (!themes.includes(theme)) theme = "auto";
  const set = () => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (!button) return;
    const label = `Theme: ${{ auto: "as the system", light: "light", dark: "dark" }[theme]}. Change it`;
    button.setAttribute("aria-label", label);
    button.title = label;
    button.querySelector("use").setAttribute("href", `page/icons.svg#${theme}`);
  };
  set();
  document.addEventListener("DOMContentLoaded", () => {
    set();
    document.getElementById("theme").addEventListener("click", () => {
      theme = themes[(themes.indexOf(theme) + 1) % themes.length];
      try {
        localStorage.setItem(kept, theme);
      } catch { /* until the page is closed */ }
      set();
    });
  });
})();
