export type StatusKind = "running" | "preparing" | "waiting" | "idle" | "stopped" | "failed";

/** Shape, colour and word say the same, so that none of them is needed alone. */
export function Status({ kind, label }: { readonly kind: StatusKind; readonly label: string }) {
  return (
    <span className={`status status-${kind}`} data-status={kind}>
      <span className="status-dot" aria-hidden="true" />
      {label}
    </span>
  );
}
