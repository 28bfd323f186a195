// Runs before the app: when one of its files is lost, as while the network changes, the page would stay empty.
(() => {
  const key = "holdfast.reloadedAt";
  const reloadLoopMs = 10_000;
  const isApp = (target) =>
    target instanceof HTMLScriptElement || (target instanceof HTMLLinkElement && target.rel === "stylesheet");
  let isReloading = false;

  addEventListener(
    "error",
    ({ target }) => {
      // The app itself shows what fails once it has rendered.
      if (!isApp(target) || isReloading || document.getElementById("root")?.hasChildNodes()) return;
      isReloading = takeReload();
      if (isReloading) location.reload();
      else if (document.readyState === "loading")
        addEventListener("DOMContentLoaded", explain, { once: true });
      else explain();
    },
    true,
  );

  /** True if the page may reload itself: it has not just done so. */
  function takeReload() {
    try {
      const last = Number(sessionStorage.getItem(key) ?? 0);
      sessionStorage.setItem(key, String(Date.now()));
      return Date.now() - last > reloadLoopMs;
    } catch {
      // Without storage, a reload cannot be recorded, and the page could reload forever.
      return false;
    }
  }

  function explain() {
    const page = document.createElement("main");
    page.className = "page page-narrow";
    const title = document.createElement("h1");
    title.textContent = "This page could not be loaded";
    const text = document.createElement("p");
    text.setAttribute("role", "alert");
    text.textContent = "A file of the page did not arrive. Check that the server runs and can be reached.";
    const button = document.createElement("button");
    button.className = "button";
    button.textContent = "Reload";
    button.addEventListener("click", () => location.reload());
    page.append(title, text, button);
    document.getElementById("root")?.replaceChildren(page);
  }
})();
