/** A directory or file: its path, or `base64:` and the bytes of a path that is not UTF-8. */
export type FileRef = string;

export function toFileRef(entry: { readonly path: string; readonly pathBase64?: string }): FileRef {
  return entry.pathBase64 === undefined ? entry.path : `base64:${entry.pathBase64}`;
}

export function fileRefQuery(place: FileRef): { path: string } | { pathBase64: string } {
  return place.startsWith("base64:") ? { pathBase64: place.slice(7) } : { path: place };
}

/** The path for display. */
export function formatFileRef(place: FileRef): string {
  if (!place.startsWith("base64:")) return place;
  const bytes = Uint8Array.from(atob(place.slice(7)), (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}
