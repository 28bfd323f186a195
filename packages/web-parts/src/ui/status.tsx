export type StatusKind = "running" | "preparing" | "waiting" | "idle" | "stopped" | "failed";

/** Status badge. Shape, colour and label each carry the full meaning, for accessibility. */
export function Status({ kind, label }: { readonly kind: StatusKind; readonly label: string }) {
  return (
    <span className={`status status-${kind}`} data-status={kind}>
      <span className="status-dot" aria-hidden="true" />
      {label}
    </span>
  );
}
