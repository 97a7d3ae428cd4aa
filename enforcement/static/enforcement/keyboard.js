// The theme writes its icons as words ("folder_open"), which would be read out, and answers some clicks on what no
// keyboard reaches. Both are mended here, once, when the page is there.
(() => {
  "use strict";

  const LIGHT = "Light or dark";
  const NAMES = {
    gavel: "Overview", dock_to_right: "Sidebar", close: "Close", more_horiz: "More",
    light_mode: LIGHT, dark_mode: LIGHT, computer: LIGHT,
  };
  const words = (element) => element.textContent.trim();

  function silence(icon) {
    const holder = icon.closest("a, button, [x-on\\:click]");
    if (holder && words(holder) === words(icon) && !holder.title && NAMES[words(icon)]) {
      holder.setAttribute("aria-label", NAMES[words(icon)]);
    }
    if (holder === icon) icon.innerHTML = `<span>${words(icon)}</span>`;
    (holder === icon ? icon.firstChild : icon).setAttribute("aria-hidden", "true");
  }

  function press(event) {
    if (event.target !== event.currentTarget || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    event.currentTarget.click();
  }

  function reach(element) {
    if (!words(element)) return; // the shade beside a drawer, which Escape closes, too
    element.setAttribute("role", "button");
    element.tabIndex = 0;
    element.addEventListener("keydown", press);
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".material-symbols-outlined").forEach(silence);
    document.querySelectorAll("[x-on\\:click]:not(a[href], button, input)").forEach(reach);
  });
})();
