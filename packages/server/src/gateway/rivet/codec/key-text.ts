import { type ActorKey, normalizeKey } from "@holdfast/core";

const emptyKey = "/";
const emptyComponent = "\\0";

/** A key as one text: components separated by slashes, with backslashes before slashes and backslashes. */
export function keyText(key: ActorKey): string {
  if (key.length === 0) return emptyKey;
  return key.map((part) => (part === "" ? emptyComponent : part.replaceAll(/[\\/]/g, "\\$&"))).join("/");
}

/** The inverse of {@link keyText}. Throws errors of keys. */
export function keyFromText(text: string): ActorKey {
  if (text === emptyKey || text === "") return [];
  const key: string[] = [];
  let part = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === "/") {
      key.push(part);
      part = "";
    } else if (character !== "\\") part += character;
    // The mark of an empty component stands for no character.
    else if (text[++at] !== "0") part += text[at] ?? "\\";
  }
  return normalizeKey([...key, part]);
}
