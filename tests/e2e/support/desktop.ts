import type { Page } from "playwright-core";

/** Starts the desktop with the button of the pane, and waits until its picture is there. */
export async function startDesktop(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Start the desktop" }).click();
  await picture(page);
}

/** Waits until the viewer plays. */
export async function picture(page: Page): Promise<void> {
  await page.getByRole("region", { name: "Desktop", exact: true }).getByText("Connected").waitFor();
  await holds(page, "document.querySelector('video')?.videoWidth > 0");
}

/** Waits until an expression is true in the page, whose policy lets nothing else evaluate text. */
export async function holds(page: Page, truth: string): Promise<void> {
  await page.evaluate(`new Promise((resolve) => {
    const look = () => ((${truth}) ? resolve() : requestAnimationFrame(look));
    look();
  })`);
}

/** Waits until the picture has changed. */
export async function moves(page: Page): Promise<void> {
  await page.evaluate(`new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("the picture has not moved for a minute")), 60_000);
    const video = document.querySelector("video");
    const canvas = document.createElement("canvas");
    const [width, height] = [canvas.width, canvas.height] = [320, 200];
    const pixels = () => {
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(video, 0, 0, width, height);
      return String(context.getImageData(0, 0, width, height).data);
    };
    const first = pixels();
    const look = () => (pixels() === first ? setTimeout(look, 50) : resolve());
    look();
  })`);
}

/** A program for xterm: a clock that moves, and a file with the keys and clicks that it gets. */
export const terminalScript =
  "printf '\\033[?1002h'; stty -icanon -echo; while :; do date; sleep 0.1; done & exec cat > input.txt";

/**
 * Clicks into the picture and types, until `input` has both: what comes before the program has asked for clicks is lost.
 */
export async function clickAndType(page: Page, text: string, input: () => Promise<string>): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const box = await page.locator("video").boundingBox();
    if (box === null) throw new Error("the desktop is not shown");
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.keyboard.type(text);
    // The clock of the program moves, so that this is a while in which the input arrives.
    for (let look = 0; look < 10; look += 1) {
      const seen = await input();
      if (/\[M.*\[M#/s.test(seen) && seen.includes(text)) return;
      await moves(page);
    }
    if (performance.now() > deadline)
      throw new Error(`the program has only: ${JSON.stringify(await input())}`);
  }
}
