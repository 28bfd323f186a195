/** The secret as a careless or hostile server would write it: in every encoding, surrounded by other text. */
export function writtenOut(value: string): string[] {
  const bytes = Buffer.from(value);
  const around = [0, 1, 2].map((shift) => Buffer.from(`${"a".repeat(shift)}${value}zz`));
  return [
    value,
    encodeURIComponent(value),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    [...value].reverse().join(""),
    ...numbered(value),
    ...around.map((each) => each.toString("base64")),
    ...around.map((each) => each.toString("base64url")),
  ];
}

/** JSON escapes of every character of an ASCII text, with lower-case and upper-case digits. */
function numbered(value: string): string[] {
  const codes = [...value].map((each) => each.charCodeAt(0).toString(16).padStart(4, "0"));
  return [codes, codes.map((code) => code.toUpperCase())].map((each) => `\\u${each.join("\\u")}`);
}

/** Every encoding in which a secret could leave. Searches look for all of them. */
export function encodingsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const shifted = [0, 1, 2].map((shift) => {
    const written = Buffer.concat([Buffer.alloc(shift, 1), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    // The first and last characters also encode bits of the neighbouring text.
    return written.slice(shift === 0 ? 0 : shift + 1, -2);
  });
  return [
    value,
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    [...value].reverse().join(""),
    ...numbered(value),
    ...shifted,
    ...shifted.map((each) => each.replaceAll("+", "-").replaceAll("/", "_")),
  ].filter((each, index, all) => all.indexOf(each) === index);
}
