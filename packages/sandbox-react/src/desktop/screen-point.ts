export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The place of an element on the page. */
export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/**
 * The pixel of the screen below a point of the page; `box` is the element that shows the screen as large as it fits,
 * in the middle. A point beside the screen is the nearest pixel of it. Undefined for an element without a size.
 */
export function screenPoint(box: Box, screen: Size, x: number, y: number) {
  const scale = Math.min(box.width / screen.width, box.height / screen.height);
  if (!(scale > 0 && Number.isFinite(scale))) return undefined;
  const left = box.left + (box.width - screen.width * scale) / 2;
  const top = box.top + (box.height - screen.height * scale) / 2;
  return { x: pixel((x - left) / scale, screen.width), y: pixel((y - top) / scale, screen.height) };
}

function pixel(position: number, size: number): number {
  return Math.max(0, Math.min(size - 1, Math.floor(position)));
}
