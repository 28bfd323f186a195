/** Initials of a person, for the eye only: the name is beside it. */
export function Avatar({ name }: { readonly name: string }) {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? "")][0]);
  return (
    <span className="avatar" aria-hidden="true">
      {letters.join("").toUpperCase()}
    </span>
  );
}
