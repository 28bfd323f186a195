/** Longest name of a file, in characters. */
export const maxAttachmentName = 120;

/** Why a file cannot have this name; undefined if it can. The server and the browser ask this. */
export function attachmentNameProblem(name: string): string | undefined {
  if (name.trim() === "") return "The file has no name.";
  if (name.length > maxAttachmentName)
    return `The name of a file can have at most ${maxAttachmentName} characters. Rename it, and add it again.`;
  if (/[\p{Cc}\u2028\u2029]/u.test(name))
    return "The name of the file has a line break or another control character. Rename it, and add it again.";
  if (/[/\\]/.test(name) || name === "." || name === "..")
    return "The name of a file cannot contain slashes or be a folder. Rename it, and add it again.";
  return undefined;
}
