/** Where text goes and whether it may be coloured. */
export interface Screen {
  write(text: string): void;
  readonly color: boolean;
}

export function screenOf(stream: NodeJS.WriteStream): Screen {
  const color = stream.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
  return { write: (text) => void stream.write(text), color };
}

const styles = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export function style(screen: Screen, name: keyof typeof styles, text: string): string {
  return screen.color ? `\u001b[${styles[name]}m${text}\u001b[0m` : text;
}

/**
 * Text from a jail made harmless for a terminal: escape sequences and other control characters are
 * shown, not obeyed, and characters that reorder text are named.
 */
export function harmless(text: string): string {
  return text.replace(unsafeCharacters, (character) => {
    const code = character.charCodeAt(0);
    return code === 0x0d ? "" : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** A value as one line of JSON. What would steer a terminal is escaped, so that it says the same to a program. */
export function jsonLine(value: unknown): string {
  return harmless(JSON.stringify(value));
}

/** C0 controls but tab and newline, delete, C1 controls, and the marks that reorder text. */
const unsafeCharacters = /[^\P{Cc}\t\n]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
