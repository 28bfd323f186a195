/** Icons, drawn with lines in the colour of the text. */
const paths = {
  brain:
    "M12 5a3 3 0 0 0-6 .5A3 3 0 0 0 4 11a3 3 0 0 0 2 5 3 3 0 0 0 6 1V5Zm0 0a3 3 0 0 1 6 .5 3 3 0 0 1 2 5.500 3 3 0 0 1-2 5 3 3 0 0 1-6 1",
  bell: "M6 9a6 6 0 1 1 12 0c0 5 2 6 2 7H4c0-1 2-2 2-7Zm4 10a2 2 0 0 0 4 0",
  check: "m5 12.500 4.500 4.500L19 7.500",
  close: "M6 6l12 12M18 6 6 18",
  edit: "M4 20h4L19 9a2.800 2.800 0 0 0-4-4L4 16v4Z",
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  send: "M12 19V5m0 0-6 6m6-6 6 6",
  signOut: "M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 8l-4 4 4 4m-4-4h10",
  stop: "M7 7h10v10H7z",
  trash: "M4 7h16M9 7V4h6v3m-8 0 1 13h8l1-13",
  undo: "M9 7 4 12l5 5m-5-5h10a6 6 0 0 1 6 6",
  warning: "M12 4 2.500 20h19L12 4Zm0 6v4m0 3v.01",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" className="icon">
      <path
        d={paths[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.75"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
