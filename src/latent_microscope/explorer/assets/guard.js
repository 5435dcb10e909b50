// Before everything else: what goes wrong on the page is said on it, in one line.
window.trouble = [];
window.tellTrouble = (problem) => {
  const text = problem?.message ?? String(problem), place = document.getElementById("trouble");
  if (text.startsWith("ResizeObserver loop")) return; // the browser's note that a layout took two frames
  window.trouble.push(text);
  const more = window.trouble.length > 1 ? ` (and ${window.trouble.length - 1} more)` : "";
  place.textContent = `Part of this page failed: ${window.trouble[0]}${more}. Reload it without what follows # in its address; if that does not help, make the page again (step make_explorer) and report this line.`;
  place.hidden = false;
};
addEventListener("error", (event) => window.tellTrouble(event.error ?? event.message));
addEventListener("unhandledrejection", (event) => window.tellTrouble(event.reason));
