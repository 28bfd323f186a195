/** A state as a sign and a word: colour alone says nothing. */
export function Status({ kind, label }: { readonly kind: StatusKind; readonly label: string }) {
  return (
    <span className={`status status-${kind}`}>
      <span className="status-dot" aria-hidden="true" />
      {label}
    </span>
  );
}

export type StatusKind = "running" | "preparing" | "waiting" | "idle" | "stopped" | "failed";
