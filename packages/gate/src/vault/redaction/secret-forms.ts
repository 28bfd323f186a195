/**
 * The encodings in which programs write a secret. Each form is exact: an encoding of a program's own is not recognised,
 * which the documentation says.
 */
export function encodedForms(value: string): string[] {
  const bytes = Buffer.from(value);
  return [
    value,
    [...value].reverse().join(""),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    ...inJson(value),
    ...inHtml(value),
    ...inUrls(value),
    ...inBase64(bytes),
    ...inUtf16(value),
  ];
}

/**
 * Forms in JSON. PHP escapes slashes. Python and PHP write numbers for characters beyond ASCII, Go and Gson for those with
 * a meaning in HTML, and .NET for both and the plus, in upper case.
 */
function inJson(value: string): string[] {
  const escaped = inQuotes(value);
  const numbered = (characters: RegExp) => escaped.replace(characters, unicodeEscape);
  return [
    escaped,
    escaped.replaceAll("/", "\\/"),
    numbered(/[<>&]/g),
    numbered(/[<>&=']/g),
    numbered(beyondAscii),
    numbered(beyondAscii).replaceAll("/", "\\/"),
    value
      .split('"')
      .map(inQuotes)
      .join('"')
      .replace(/[^\0-\x7f]|["&'+<>`]/g, upperUnicodeEscape),
    value.replace(/[\s\S]/g, unicodeEscape),
    value.replace(/[\s\S]/g, upperUnicodeEscape),
  ];
}

const inQuotes = (text: string) => JSON.stringify(text).slice(1, -1);
const beyondAscii = /[^\0-\x7f]/g;
const unicodeEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
const upperUnicodeEscape = (unit: string) => unicodeEscape(unit).toUpperCase().replace("U", "u");

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function inHtml(value: string): string[] {
  const escaped = value.replace(/[&<>"]/g, (character) => entities[character] ?? character);
  return [escaped, escaped.replaceAll("'", "&#39;"), escaped.replaceAll("'", "&#x27;")];
}

/** Forms in paths, queries and forms, and with every byte escaped, in upper and lower case. */
function inUrls(value: string): string[] {
  const all = [...Buffer.from(value)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`);
  const upper = [
    encodeURIComponent(value.toWellFormed()),
    encodeURI(value.toWellFormed()),
    new URLSearchParams({ "": value }).toString().slice(1),
    all.join(""),
  ];
  return [...upper, ...upper.map(lowerEscapes)];
}

const lowerEscapes = (text: string) => text.replace(/%[0-9A-F]{2}/g, (escaped) => escaped.toLowerCase());

/** Base64 at each of the three alignments, also escaped for URLs and JSON. */
function inBase64(bytes: Buffer): string[] {
  const forms: string[] = [];
  for (let shift = 0; shift < 3; shift++) {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes]);
    for (const encoding of ["base64", "base64url"] as const) {
      const encoded = shifted.toString(encoding).replace(/=+$/, "");
      // The characters at both ends depend on the bytes around the value.
      const from = shift === 0 ? 0 : shift + 1;
      const to = encoded.length - (shifted.length % 3 === 0 ? 0 : 1);
      const form = encoded.slice(from, to);
      forms.push(form, encodeURIComponent(form), lowerEscapes(encodeURIComponent(form)));
      forms.push(form.replaceAll("/", "\\/"));
    }
  }
  return forms;
}

/** UTF-16 in either byte order: the part that both share, from the first non-zero byte to the last. */
function inUtf16(value: string): string[] {
  if (/[^\0-\x7f]/.test(value)) return [];
  const text = [...value].join("\0");
  const bytes = Buffer.from(text);
  return [text, bytes.toString("hex"), bytes.toString("hex").toUpperCase(), ...inBase64(bytes)];
}
