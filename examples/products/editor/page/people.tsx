/** People: a colour for each, and the round signs of those who are here. */
/** White text is readable on each. */
const colours = ["#1d4ed8", "#15803d", "#b45309", "#7c3aed", "#be123c", "#0f766e", "#4d7c0f", "#a21caf"];

/** The colour of a person, by the place among the members: the first eight differ. */
export function colourOf(id: string, members: readonly { readonly id: string }[]): string {
  const place = members.findIndex((member) => member.id === id);
  return colours[Math.max(0, place) % colours.length] ?? "black";
}

export function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== "");
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...(word ?? "")][0]?.toUpperCase() ?? "").join("");
}

interface Person {
  readonly id: string;
  readonly name: string;
}

export function Present({ people, members }: { people: readonly Person[]; members: readonly Person[] }) {
  return (
    <ul className="present" aria-label="People in this document">
      {people.map(({ id, name }) => (
        <li key={id} title={name} style={{ backgroundColor: colourOf(id, members) }}>
          <span aria-hidden="true">{initialsOf(name)}</span>
          <span className="hidden">{name}</span>
        </li>
      ))}
    </ul>
  );
}
