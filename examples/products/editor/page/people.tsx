/** People: a colour for each, and the round signs of those who are here. */
/** White text is readable on each. */
const colours = ["#1d4ed8", "#15803d", "#b45309", "#7c3aed", "#be123c", "#0f766e", "#4d7c0f", "#a21caf"];

/** The same colour for a person in every browser. */
export function colourOf(id: string): string {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return colours[hash % colours.length] ?? "#1d4ed8";
}

export function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== "");
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...(word ?? "")][0]?.toUpperCase() ?? "").join("");
}

export function Present({ people }: { people: readonly { readonly id: string; readonly name: string }[] }) {
  return (
    <ul className="present" aria-label="People in this document">
      {people.map(({ id, name }) => (
        <li key={id} title={name} style={{ backgroundColor: colourOf(id) }}>
          <span aria-hidden="true">{initialsOf(name)}</span>
          <span className="hidden">{name}</span>
        </li>
      ))}
    </ul>
  );
}
