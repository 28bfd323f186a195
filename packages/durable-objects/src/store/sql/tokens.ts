/** As much of SQLite's grammar as is needed to tell one statement from the next, and reads from writes. */

export interface Token {
  readonly type: "word" | "quoted" | "text" | "parameter" | "symbol";
  readonly text: string;
  /** Position after the token. */
  readonly end: number;
}

const patterns = [
  ["space", /(?:\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))/y],
  ["text", /[xX]?'(?:[^']|'')*'/y],
  ["quoted", /"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/y],
  ["parameter", /\?\d*|[:@$][\p{L}_][\p{L}\p{N}_$]*/uy],
  ["word", /[\p{L}_][\p{L}\p{N}_$]*/uy],
  ["symbol", /[\s\S]/y],
] as const;

export function* tokensOf(sql: string): Generator<Token> {
  for (let at = 0; at < sql.length; ) {
    const start = at;
    for (const [type, pattern] of patterns) {
      pattern.lastIndex = start;
      const [text] = pattern.exec(sql) ?? [];
      if (text === undefined || text === "") continue;
      at = start + text.length;
      if (type !== "space") yield { type, text, end: at };
      break;
    }
  }
}

/** One statement of a text. */
export interface ParsedStatement {
  readonly sql: string;
  readonly tokens: readonly Token[];
  readonly rest: string;
}

/** The first statement; undefined if there is only whitespace and comments. */
export function firstStatement(sql: string): ParsedStatement | undefined {
  const tokens: Token[] = [];
  for (const token of tokensOf(sql)) {
    if (token.text !== ";") {
      tokens.push(token);
      continue;
    }
    if (tokens.length === 0 || (isTrigger(tokens) && !isClosed(tokens))) {
      if (tokens.length > 0) tokens.push(token);
      continue;
    }
    const rest = sql.slice(token.end);
    return { sql: sql.slice(0, token.end), tokens, rest: isBlank(rest) ? "" : rest };
  }
  return tokens.length === 0 ? undefined : { sql, tokens, rest: "" };
}

function isBlank(sql: string): boolean {
  for (const { text } of tokensOf(sql)) if (text !== ";") return false;
  return true;
}

export function wordAt(tokens: readonly Token[], at: number): string {
  const token = tokens[at];
  return token?.type === "word" ? token.text.toUpperCase() : "";
}

/** The statements of a trigger contain semicolons. */
function isTrigger(tokens: readonly Token[]): boolean {
  if (wordAt(tokens, 0) !== "CREATE") return false;
  const second = wordAt(tokens, 1);
  return (
    second === "TRIGGER" || ((second === "TEMP" || second === "TEMPORARY") && wordAt(tokens, 2) === "TRIGGER")
  );
}

/** A trigger ends with a semicolon and END. */
function isClosed(tokens: readonly Token[]): boolean {
  return wordAt(tokens, tokens.length - 1) === "END" && tokens.at(-2)?.text === ";";
}
