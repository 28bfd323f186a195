import type { Member } from "../contract/people.ts";

type Named = Pick<Member, "person" | "name" | "email">;

/**
 * The members whom a text mentions: `@` and a name without its spaces, the first name, or what is before the @ of an
 * e-mail address. A word that fits several mentions nobody.
 */
export function mentionedIn(text: string, members: readonly Named[]): readonly string[] {
  const words = new Set(
    Array.from(
      text.matchAll(/(?<![\p{L}\p{N}._%+/@-])@([\p{L}\p{N}][\p{L}\p{N}._-]{0,99})/gu),
      ([, word = ""]) => word.replace(/[._-]+$/, "").toLowerCase(),
    ),
  );
  if (words.size === 0) return [];
  const byWord = new Map<string, Set<string>>();
  for (const { person, name, email } of members)
    for (const handle of [name.replaceAll(/\s+/g, ""), name.split(/\s/, 1)[0], email.split("@", 1)[0]]) {
      const word = handle?.toLowerCase() ?? "";
      byWord.set(word, (byWord.get(word) ?? new Set()).add(person));
    }
  const found = [...words].flatMap((word) => {
    const people = [...(byWord.get(word) ?? [])];
    return people.length === 1 ? people : [];
  });
  return [...new Set(found)];
}
