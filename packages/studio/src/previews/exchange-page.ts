export const exchangePath = "/.holdfast/ticket";

/** Page that exchanges the ticket in the URL's fragment, which reaches no server or log, for a cookie. */
export const exchangePage = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>Preview</title><p id="text" style="font: 14px system-ui">Opening the preview…</p><script>
const show = (text) => { document.getElementById("text").textContent = text; };
const ticket = location.hash.slice(1);
history.replaceState(null, "", location.pathname + location.search);
if (self === top) show("A preview is shown in the Studio. Open it there.");
else if (ticket === "") show("This browser does not let the preview in. Reload it in the Studio, or allow its cookies.");
else fetch("${exchangePath}", { method: "POST", body: ticket }).then((answer) => {
  if (answer.ok) location.reload();
  else show("This link has expired. Reload the preview in the Studio.");
}, () => show("The Studio cannot be reached."));
</script>`;
