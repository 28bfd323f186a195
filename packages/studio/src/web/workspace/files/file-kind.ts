/** Largest image that is shown, in bytes. */
export const maxImageBytes = 16 * 1_048_576;

/** SVG is not in here: it is shown as the text that it is. */
const types: Readonly<Record<string, string>> = {
  ...{ png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp" },
  ...{ avif: "image/avif", bmp: "image/bmp", ico: "image/x-icon" },
};

/** The media type of a file that is shown as an image, by its name; undefined for other files. */
export function imageType(path: string): string | undefined {
  const extension = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  return Object.hasOwn(types, extension) ? types[extension] : undefined;
}

export function isImage(path: string): boolean {
  return imageType(path) !== undefined;
}
