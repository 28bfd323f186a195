/** Output stream for text, and whether it may be coloured. */
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
 * Escapes text from a jail for a terminal: control characters and characters that reorder text are shown instead of
 * obeyed.
 */
export function harmless(text: string): string {
  return text.replace(unsafeCharacters, (character) => {
    const code = character.charCodeAt(0);
    return code === 0x0d ? "" : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** A value as one line of JSON, with terminal control characters as JSON escapes. */
export function jsonLine(value: unknown): string {
  return harmless(JSON.stringify(value));
}

/** C0 controls except tab and newline, delete, C1 controls, and characters that reorder text. */
const unsafeCharacters = /[^\P{Cc}\t\n]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
