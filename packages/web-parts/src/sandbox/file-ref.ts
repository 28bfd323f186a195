/** A directory or file: its path, or `base64:` and the bytes of a path that is not UTF-8. */
export type FileRef = string;

export function toFileRef(entry: { readonly path: string; readonly pathBase64?: string }): FileRef {
  return entry.pathBase64 === undefined ? entry.path : `base64:${entry.pathBase64}`;
}

export function fileRefQuery(fileRef: FileRef): { path: string } | { pathBase64: string } {
  return fileRef.startsWith("base64:") ? { pathBase64: fileRef.slice(7) } : { path: fileRef };
}

/** The path for display. */
export function formatFileRef(fileRef: FileRef): string {
  if (!fileRef.startsWith("base64:")) return fileRef;
  const bytes = Uint8Array.from(atob(fileRef.slice(7)), (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}
