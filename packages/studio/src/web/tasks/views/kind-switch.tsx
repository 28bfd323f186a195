import type { SavedView } from "../../../contract.ts";

const labels: Readonly<Record<SavedView["kind"], string>> = { list: "List", board: "Board" };

/** Chooses between the list and the board. */
export function KindSwitch({
  kind,
  onChange,
}: {
  readonly kind: SavedView["kind"];
  readonly onChange: (kind: SavedView["kind"]) => void;
}) {
  return (
    <fieldset className="kind-switch">
      <legend className="visually-hidden">Show the tasks as</legend>
      {(["list", "board"] as const).map((each) => (
        <button
          key={each}
          type="button"
          className="button button-small"
          aria-pressed={kind === each}
          onClick={() => onChange(each)}
        >
          {labels[each]}
        </button>
      ))}
    </fieldset>
  );
}
