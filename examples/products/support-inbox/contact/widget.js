// A button in the corner of any website, which opens the page for customers:
// <script src="https://support.example.com/widget.js" defer></script>
(() => {
  const { origin } = new URL(document.currentScript.src);
  const frame = document.createElement("iframe");
  frame.title = "Write to us";
  frame.hidden = true;
  frame.style.cssText =
    "position:fixed;inset:auto 1rem 5rem auto;z-index:99998;width:min(24rem,calc(100vw - 2rem));height:min(36rem,calc(100vh - 7rem));border:1px solid #8884;border-radius:1rem;box-shadow:0 1rem 3rem #0004;background:Canvas";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Help";
  button.setAttribute("aria-expanded", "false");
  button.style.cssText =
    "position:fixed;inset:auto 1rem 1rem auto;z-index:99999;padding:.75rem 1.25rem;border:0;border-radius:2rem;background:#0f766e;color:#fff;font:600 1rem system-ui,sans-serif;cursor:pointer";
  button.addEventListener("click", () => {
    if (!frame.src) frame.src = `${origin}/contact.html`;
    frame.hidden = !frame.hidden;
    button.setAttribute("aria-expanded", String(!frame.hidden));
    button.textContent = frame.hidden ? "Help" : "Close";
  });
  document.body.append(frame, button);
})();
