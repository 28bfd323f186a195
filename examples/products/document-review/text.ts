/** The text of a file: plain text, Markdown and the like, HTML, and Word documents. */
import { inflateRawSync } from "node:zlib";
import { limits } from "./limits.ts";

const maxXmlBytes = 20 * 1024 * 1024;
const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;

/** Undefined for a file whose text cannot be read here. */
export function textOf(name: string, bytes: Buffer): string | undefined {
  const ending = name.toLowerCase().split(".").at(-1) ?? "";
  if (ending === "docx") return ofWord(bytes)?.slice(0, limits.maxTextLength);
  const text = decode(bytes);
  if (text === undefined) return undefined;
  return (/^html?$/.test(ending) ? ofMarkup(text) : text).trim().slice(0, limits.maxTextLength);
}

/** Undefined for bytes that are no text. */
function decode(bytes: Buffer): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

function ofMarkup(text: string): string {
  return entities(
    text
      .replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, " ")
      .replace(/<\/(p|div|li|h[1-6]|tr)>|<br\s*\/?>/gi, "\n")
      .replace(/<[^>]*>/g, ""),
  );
}

function entities(text: string): string {
  const known: Readonly<Record<string, string>> = {
    lt: "<",
    gt: ">",
    quot: '"',
    apos: "'",
    nbsp: " ",
    amp: "&",
  };
  return text.replace(/&(lt|gt|quot|apos|nbsp|amp);/g, (_all, name: string) => known[name] ?? "");
}

/** The paragraphs of `word/document.xml` in the zip file that a Word document is. */
function ofWord(bytes: Buffer): string | undefined {
  const xml = unzip(bytes, "word/document.xml")?.toString("utf8");
  if (xml === undefined) return undefined;
  const text = xml
    .replace(/<w:tab\/>/g, "\t")
    .replace(/<w:br\/>|<\/w:p>/g, "\n")
    .replace(/<[^>]*>/g, "");
  return entities(text).trim();
}

/** One file of a zip file: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.3. */
function unzip(bytes: Buffer, name: string): Buffer | undefined {
  try {
    let end = bytes.length - 22;
    while (end >= 0 && bytes.readUInt32LE(end) !== endOfDirectory) end -= 1;
    if (end < 0) return undefined;
    let at = bytes.readUInt32LE(end + 16);
    for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
      if (bytes.readUInt32LE(at) !== directoryEntry) return undefined;
      const [nameLength, extra, comment] = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset));
      if (bytes.toString("utf8", at + 46, at + 46 + (nameLength ?? 0)) === name) {
        const local = bytes.readUInt32LE(at + 42);
        const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
        const content = bytes.subarray(start, start + bytes.readUInt32LE(at + 20));
        const isStored = bytes.readUInt16LE(at + 10) === 0;
        return isStored ? content : inflateRawSync(content, { maxOutputLength: maxXmlBytes });
      }
      at += 46 + (nameLength ?? 0) + (extra ?? 0) + (comment ?? 0);
    }
    return undefined;
  } catch {
    // Offsets outside of the file, or content that does not inflate: no Word document.
    return undefined;
  }
}
