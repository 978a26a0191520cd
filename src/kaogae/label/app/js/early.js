// Before the first paint (a classic script): the theme and language that were chosen on this device.
(() => {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("kaogae.theme");
    if (theme === "light" || theme === "dark") {
      root.dataset.theme = theme;
      for (const bar of document.querySelectorAll("meta[name='theme-color']")) {
        bar.setAttribute("content", theme === "dark" ? "#10131a" : "#e9edf3"); // --ground
      }
    }
    const chosen = localStorage.getItem("kaogae.language");
    const spoken = navigator.languages.find((code) => /^(en|ja)\b/i.test(code)) ?? "en";
    root.lang = chosen === "en" || chosen === "ja" ? chosen : spoken.slice(0, 2).toLowerCase();
  } catch {
    // No storage here: the system's theme and the page's language stay.
  }
})();
