/** The label by which a task is grouped: the first one by name, "" without one. */
export function groupLabelOf({ labels }: { readonly labels?: readonly string[] }): string {
  return labels?.[0] ?? "";
}
