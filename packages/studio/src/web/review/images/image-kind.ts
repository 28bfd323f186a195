const types: Readonly<Record<string, string>> = {
  ...{ png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp" },
  ...{ avif: "image/avif", bmp: "image/bmp", ico: "image/x-icon", svg: "image/svg+xml" },
};

/** The media type of an image, by its name; undefined for other files. */
export function imageType(path: string): string | undefined {
  const extension = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  return Object.hasOwn(types, extension) ? types[extension] : undefined;
}

export function isImage(path: string): boolean {
  return imageType(path) !== undefined;
}

/** True for an image that is text, whose lines are shown too. */
export function isTextImage(path: string): boolean {
  return imageType(path) === "image/svg+xml";
}
