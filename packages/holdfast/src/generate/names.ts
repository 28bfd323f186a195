/** Names in the styles of other languages, each different from the others of its scope. */
export class Names {
  readonly #used: Set<string>;

  /** `reserved` names are taken by the language or by the runtime of the client. */
  constructor(reserved: Iterable<string> = []) {
    this.#used = new Set(reserved);
  }

  /** The name, or the name with a number if it is taken. */
  take(name: string): string {
    let taken = name;
    for (let number = 2; this.#used.has(taken); number++) taken = `${name}${number}`;
    this.#used.add(taken);
    return taken;
  }
}

/** "admin.banUser" as its words: "admin", "ban", "User". */
export function wordsOf(name: string): readonly string[] {
  const words = name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[A-Z]/g) ?? [];
  return words.length === 0 ? ["unnamed"] : words;
}

/** "admin_ban_user" */
export function snakeCase(name: string): string {
  return leadingLetter(wordsOf(name).join("_").toLowerCase(), "n_");
}

/** "AdminBanUser" */
export function pascalCase(name: string): string {
  const words = wordsOf(name).map((word) => `${word[0]?.toUpperCase() ?? ""}${word.slice(1).toLowerCase()}`);
  return leadingLetter(words.join(""), "N");
}

function leadingLetter(name: string, prefix: string): string {
  return /^[A-Za-z_]/.test(name) ? name : `${prefix}${name}`;
}
