import { Icon } from "@holdfast/web-parts";

/** One icon per ACP tool kind; unknown kinds get the general one. */
export function ToolIcon({ kind }: { readonly kind: string }) {
  return (
    <Icon>
      <path d={toolPaths[kind] ?? "M3 8h10M8 3v10"} />
    </Icon>
  );
}

const toolPaths: Readonly<Record<string, string>> = {
  read: "M3.5 2.5h6l3 3v8h-9v-11ZM9.5 2.5v3h3M5.5 8.5h5M5.5 11h5",
  edit: "m3 13 .6-2.9L10.8 2.9l2.3 2.3-7.2 7.2L3 13ZM9.3 4.4l2.3 2.3",
  delete: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9M7 7v4M9 7v4",
  move: "M2.5 8h10M9 4.5 12.5 8 9 11.5",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3l3.2 3.2",
  execute: "m3 4.5 3.5 3.5L3 11.5M8 12h5",
  think: "M8 2.5a4 4 0 0 1 2.2 7.3v1.7H5.8V9.8A4 4 0 0 1 8 2.5ZM6.5 13.5h3",
  fetch: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM2 8h12M8 2c3.5 3.5 3.5 8.5 0 12M8 2C4.5 5.5 4.5 10.5 8 14",
};
