/** Binds a CodeMirror editor to a Yjs text, with the carets of others and an undo of one's own changes only. */
import { Annotation, type Extension, type Range, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  EditorView,
  keymap,
  type PluginValue,
  ViewPlugin,
  type ViewUpdate,
  WidgetType,
} from "@codemirror/view";
import * as Y from "yjs";

export interface RemoteCaret {
  readonly name: string;
  readonly colour: string;
  readonly anchor: Uint8Array | undefined;
  readonly head: Uint8Array | undefined;
}

const fromText = Annotation.define<boolean>();
const setCarets = StateEffect.define<readonly RemoteCaret[]>();

export function showCarets(view: EditorView, carets: readonly RemoteCaret[]): void {
  view.dispatch({ effects: setCarets.of(carets) });
}

export type Point = (anchor: Uint8Array | undefined, head: Uint8Array | undefined) => void;

export function collaboration(text: Y.Text, point: Point): Extension {
  const plugin = ViewPlugin.define((view) => new Binding(view, text, point));
  const run = (what: "undo" | "redo") => (view: EditorView) => view.plugin(plugin)?.[what]() ?? false;
  return [
    plugin,
    caretField(text),
    keymap.of([
      { key: "Mod-z", run: run("undo"), shift: run("redo"), preventDefault: true },
      { key: "Mod-y", run: run("redo"), preventDefault: true },
    ]),
    EditorView.domEventHandlers({
      beforeinput: (event, view) => {
        if (event.inputType === "historyUndo") return run("undo")(view);
        return event.inputType === "historyRedo" ? run("redo")(view) : false;
      },
    }),
    // Characters are counted alike in both: a line ends with one.
    EditorView.clipboardInputFilter.of((pasted) => pasted.replace(/\r\n?/g, "\n")),
  ];
}

class Binding implements PluginValue {
  readonly #view: EditorView;
  readonly #text: Y.Text;
  readonly #point: Point;
  readonly #undo: Y.UndoManager;

  constructor(view: EditorView, text: Y.Text, point: Point) {
    this.#view = view;
    this.#text = text;
    this.#point = point;
    this.#undo = new Y.UndoManager(text, { trackedOrigins: new Set([this]) });
    text.observe(this.#follow);
  }

  update(update: ViewUpdate): void {
    if (update.docChanged && update.transactions.some((each) => each.annotation(fromText) !== true)) {
      this.#text.doc?.transact(() => this.#write(update), this);
    }
    if (update.docChanged || update.selectionSet || update.focusChanged) this.#pointOut(update);
  }

  destroy(): void {
    this.#text.unobserve(this.#follow);
    this.#undo.destroy();
  }

  undo(): boolean {
    this.#undo.undo();
    return true;
  }

  redo(): boolean {
    this.#undo.redo();
    return true;
  }

  #write(update: ViewUpdate): void {
    let moved = 0;
    update.changes.iterChanges((from, to, _fromNew, _toNew, inserted) => {
      const added = inserted.sliceString(0, undefined, "\n");
      if (to > from) this.#text.delete(from + moved, to - from);
      if (added !== "") this.#text.insert(from + moved, added);
      moved += added.length - (to - from);
    });
  }

  readonly #follow = (event: Y.YTextEvent, transaction: Y.Transaction): void => {
    if (transaction.origin === this) return;
    const changes: { from: number; to?: number; insert?: string }[] = [];
    let at = 0;
    for (const { retain = 0, delete: deleted = 0, insert } of event.delta) {
      if (typeof insert === "string") changes.push({ from: at, insert });
      if (deleted > 0) changes.push({ from: at, to: at + deleted });
      at += retain + deleted;
    }
    this.#view.dispatch({ changes, annotations: fromText.of(true) });
  };

  #pointOut({ state, view }: ViewUpdate): void {
    const { anchor, head } = state.selection.main;
    const at = (index: number) =>
      Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(this.#text, index));
    if (view.hasFocus) this.#point(at(anchor), at(head));
    else this.#point(undefined, undefined);
  }
}

/** The carets and selections of others, placed anew when the text or they have changed. */
function caretField(text: Y.Text): Extension {
  return StateField.define<{ carets: readonly RemoteCaret[]; shown: DecorationSet }>({
    create: () => ({ carets: [], shown: Decoration.none }),
    update: ({ carets, shown }, transaction) => {
      const given = transaction.effects.find((effect) => effect.is(setCarets));
      const current = given?.is(setCarets) ? given.value : carets;
      // Own changes reach the text after this: until then, carets move with their surroundings.
      if (given === undefined && transaction.annotation(fromText) !== true) {
        return { carets, shown: shown.map(transaction.changes) };
      }
      const length = transaction.newDoc.length;
      const ranges = current.flatMap((caret) => decorationsOf(caret, text, length));
      return { carets: current, shown: Decoration.set(ranges, true) };
    },
    provide: (field) => EditorView.decorations.from(field, ({ shown }) => shown),
  });
}

function decorationsOf(
  { name, colour, anchor, head }: RemoteCaret,
  text: Y.Text,
  length: number,
): Range<Decoration>[] {
  const [from, to] = [indexOf(anchor, text), indexOf(head, text)];
  if (from === undefined || to === undefined || Math.max(from, to) > length) return [];
  const caret = Decoration.widget({ widget: new Caret(name, colour), side: 1 }).range(to);
  if (from === to) return [caret];
  const attributes = { style: `background-color: color-mix(in srgb, ${colour} 25%, transparent)` };
  return [Decoration.mark({ attributes }).range(Math.min(from, to), Math.max(from, to)), caret];
}

function indexOf(position: Uint8Array | undefined, text: Y.Text): number | undefined {
  if (position === undefined || text.doc === null) return undefined;
  try {
    const relative = Y.decodeRelativePosition(position);
    return Y.createAbsolutePositionFromRelativePosition(relative, text.doc)?.index;
  } catch {
    return undefined;
  }
}

class Caret extends WidgetType {
  readonly #name: string;
  readonly #colour: string;

  constructor(name: string, colour: string) {
    super();
    this.#name = name;
    this.#colour = colour;
  }

  override eq(other: Caret): boolean {
    return other.#name === this.#name && other.#colour === this.#colour;
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement("span");
    caret.className = "caret";
    caret.style.setProperty("--colour", this.#colour);
    caret.ariaHidden = "true";
    const label = document.createElement("span");
    label.textContent = this.#name;
    caret.append("\u2060", label, "\u2060");
    return caret;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}
