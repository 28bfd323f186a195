import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { type ReactNode, useState } from "react";
import { formatBytes } from "../../format.ts";
import { ChevronIcon } from "../../index.ts";

/** Number of members rendered initially; more on demand. */
const membersPerPage = 100;
const maxTextCharacters = 2_000;

/** Any value of the codec, as a collapsible tree. */
export function JsonTree({ value, label }: { readonly value: unknown; readonly label: string }) {
  return (
    <div className="json-tree">
      <Node name={label} value={value} depth={0} />
    </div>
  );
}

function Node({
  name,
  value,
  depth,
}: {
  readonly name: string;
  readonly value: unknown;
  readonly depth: number;
}) {
  const members = membersOf(value);
  if (members === undefined) {
    return (
      <p className="json-leaf">
        <span className="json-name">{visibleText(name)}</span>: <Leaf value={value} />
      </p>
    );
  }
  return <Branch name={name} kind={kindOf(value)} members={members} depth={depth} />;
}

type Member = readonly [name: string, value: unknown];

function Branch({
  name,
  kind,
  members,
  depth,
}: {
  readonly name: string;
  readonly kind: string;
  readonly members: readonly Member[];
  readonly depth: number;
}) {
  const [open, setOpen] = useState(depth === 0 || (depth < 3 && members.length <= 12));
  const [shown, setShown] = useState(membersPerPage);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <ChevronIcon />
        <span className="json-name">{visibleText(name)}</span>
        <span className="muted">
          {kind} {members.length}
        </span>
      </summary>
      {open && (
        <div className="json-members">
          {members.slice(0, shown).map(([key, item], index) => (
            <Node key={index} name={key} value={item} depth={depth + 1} />
          ))}
          {members.length > shown && (
            <button
              type="button"
              className="link-button"
              onClick={() => setShown((count) => count + membersPerPage)}
            >
              Show {Math.min(membersPerPage, members.length - shown)} more of {members.length}
            </button>
          )}
        </div>
      )}
    </details>
  );
}

/** Undefined for a value without members. */
function membersOf(value: unknown): readonly Member[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return value.map((item: unknown, index) => [String(index), item]);
  if (value instanceof Map) return [...value].map(([key, item]) => [leafText(key), item]);
  if (value instanceof Set) return [...value].map((item, index) => [String(index), item]);
  if (isPlain(value)) return Object.entries(value);
  return undefined;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "list of";
  if (value instanceof Map) return "map of";
  if (value instanceof Set) return "set of";
  return "object of";
}

function Leaf({ value }: { readonly value: unknown }): ReactNode {
  return <span className={`json-${value === null ? "null" : typeof value}`}>{leafText(value)}</span>;
}

export function leafText(value: unknown): string {
  switch (typeof value) {
    case "string": {
      const text = visibleText(value);
      const rest = text.length - maxTextCharacters;
      return rest > 0 ? `"${text.slice(0, maxTextCharacters)}" and ${rest} more characters` : `"${text}"`;
    }
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : objectText(value);
    default:
      return String(value);
  }
}

function objectText(value: object): string {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (value instanceof ArrayBuffer) return `${formatBytes(value.byteLength)} of bytes`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}, ${formatBytes(value.byteLength)}`;
  if (value instanceof Error) return `${value.name}: ${visibleText(value.message)}`;
  return visibleText(String(value));
}
