import { visibleText } from "@holdfast/sandbox-react/visible-text";

const maxShown = 3;

/** The labels of a task where there is room for a few. The others are in the title of their number. */
export function LabelTags({ labels = [] }: { readonly labels?: readonly string[] | undefined }) {
  if (labels.length === 0) return null;
  const hidden = labels.slice(maxShown).map(visibleText);
  return (
    <span className="label-tags">
      {labels.slice(0, maxShown).map((label) => (
        <span key={label} className="tag label-tag" title={visibleText(label)}>
          {visibleText(label)}
        </span>
      ))}
      {hidden.length > 0 && (
        <span className="tag" title={hidden.join(", ")}>
          +{hidden.length}
        </span>
      )}
    </span>
  );
}
