import type { ReactNode } from "react";

/** Frame of every icon: 16 by 16, in the colour of the surrounding text. */
export function Icon({ children, size = 16 }: { readonly children: ReactNode; readonly size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

/** An anchor's holdfast: the stem and the branches that grip the rock. */
export function BrandMark({ size }: { readonly size: number }) {
  return (
    <svg className="brand-mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect className="brand-mark-ground" width="32" height="32" rx="7" />
      <path
        className="brand-mark-line"
        d="M16 6v19.5M16 15c0 5-3 5-6 6.5M16 15c0 5 3 5 6 6.5M16 11c-3.5 0-5.5-1.5-6.5-4M16 11c3.5 0 5.5-1.5 6.5-4"
        fill="none"
        strokeWidth="2.4"
        strokeLinecap="round"
      />
    </svg>
  );
}

export const BellIcon = () => (
  <Icon>
    <path d="M3.5 11.5h9c-1-1-1.5-2-1.5-5a3 3 0 0 0-6 0c0 3-.5 4-1.5 5ZM6.7 13.7a1.4 1.4 0 0 0 2.6 0" />
  </Icon>
);

export const SunIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="3" />
    <path d="M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3Z" />
  </Icon>
);
export const WarningIcon = () => (
  <Icon>
    <path d="M8 2.2 14.5 13.5h-13L8 2.2ZM8 6.5v3M8 11.5v.01" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon>
    <path d="m3 8.5 3.2 3.2L13 4.8" />
  </Icon>
);
export const CrossIcon = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);
export const PlusIcon = () => (
  <Icon>
    <path d="M8 3v10M3 8h10" />
  </Icon>
);
export const ChevronIcon = () => (
  <Icon>
    <path d="m6 4 4 4-4 4" />
  </Icon>
);
export const StopIcon = () => (
  <Icon>
    <rect x="4" y="4" width="8" height="8" rx="1" fill="currentColor" />
  </Icon>
);
export const SendIcon = () => (
  <Icon>
    <path d="M8 13V3M3.5 7.5 8 3l4.5 4.5" />
  </Icon>
);
export const RefreshIcon = () => (
  <Icon>
    <path d="M13.5 3v3.5H10M13.3 6.5A5.5 5.5 0 1 0 13.5 9" />
  </Icon>
);
export const BranchIcon = () => (
  <Icon>
    <circle cx="4.5" cy="3.5" r="1.5" />
    <circle cx="4.5" cy="12.5" r="1.5" />
    <circle cx="11.5" cy="5.5" r="1.5" />
    <path d="M4.5 5v6M11.5 7c0 3-7 1.5-7 4" />
  </Icon>
);
export const FolderIcon = () => (
  <Icon>
    <path d="M1.5 3.5h4.5l1.5 2h7v7.5h-13Z" />
  </Icon>
);
export const FileIcon = () => (
  <Icon>
    <path d="M3.5 1.5h6l3 3v10h-9ZM9.5 1.5v3h3" />
  </Icon>
);
export const SearchIcon = () => (
  <Icon>
    <path d="M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5l3 3" />
  </Icon>
);
export const ArchiveIcon = () => (
  <Icon>
    <path d="M2 3h12v3H2zM3 6v7h10V6M6.5 8.8h3" />
  </Icon>
);
export const RestoreIcon = () => (
  <Icon>
    <path d="M2 3h12v3H2zM3 6v7h10V6M8 12V8.2M6.2 9.8 8 8l1.8 1.8" />
  </Icon>
);
export const TrashIcon = () => (
  <Icon>
    <path d="M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.6 9h6.8l.6-9M6.7 7v4M9.3 7v4" />
  </Icon>
);
export const EnvelopeIcon = ({ isOpen }: { readonly isOpen: boolean }) => (
  <Icon>
    <path d={isOpen ? "M2 6.5 8 2.5l6 4V13H2zM2 6.5l6 4 6-4" : "M2 3.5h12V13H2zM2 4l6 5 6-5"} />
  </Icon>
);
