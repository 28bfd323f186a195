/** Largest image that is shown, in bytes. */
export const maxImageBytes = 16 * 1_048_576;

/** SVG is not in here: it is shown as the text that it is. */
const images = new Set(["png", "jpg", "jpeg", "gif", "webp", "avif", "bmp", "ico"]);

/** True for a file that is shown as an image, by its name. */
export function isImage(path: string): boolean {
  return images.has(path.slice(path.lastIndexOf(".") + 1).toLowerCase());
}
