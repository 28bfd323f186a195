import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { type Diagnostic, lintGutter, nextDiagnostic, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useEffect, useRef } from "react";
import type { LineNote } from "../../shared/review/line-notes.ts";
import { codeHighlight } from "./code-highlight.ts";
import { codeTheme } from "./code-theme.ts";

/** Directions and invisible characters that CodeMirror does not mark by itself. */
const hiddenCharacters = /[\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\uffa0]/gu;

/** Marks a change that is not the person's: the file itself has changed. */
const fromOutside = Annotation.define<boolean>();

export interface CodeViewProps {
  readonly path: string;
  /** With line feeds only. */
  readonly text: string;
  readonly readOnly: boolean;
  /** The line to show, from 1; each new object is one request. */
  readonly goTo?: { readonly line: number } | undefined;
  /** What failed checks say about lines of the text as it was read. */
  readonly notes: readonly LineNote[];
  readonly onCheck: (name: string) => void;
  readonly onChange: (text: string) => void;
  readonly onSave: () => void;
}

/**
 * Text of a file, to read and edit. It is in a shadow root, where the editor can add its styles under a policy that
 * forbids inline ones.
 */
export default function CodeView(props: CodeViewProps) {
  const { path, text, readOnly, goTo, notes, onCheck, onChange, onSave } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const access = useRef(new Compartment());
  const latest = useRef({ onChange, onSave, onCheck, text, readOnly });
  latest.current = { onChange, onSave, onCheck, text, readOnly };
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: latest.current.text,
        extensions: [
          extensions(path, () => latest.current.onSave()),
          access.current.of(accessOf(latest.current.readOnly)),
          EditorView.updateListener.of((update) => {
            const isTyped = update.transactions.some((each) => each.annotation(fromOutside) !== true);
            if (update.docChanged && isTyped) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = undefined;
    };
  }, [path]);
  useEffect(() => {
    if (view.current !== undefined) replaceText(view.current, text);
  }, [text]);
  useEffect(() => {
    view.current?.dispatch({ effects: access.current.reconfigure(accessOf(readOnly)) });
  }, [readOnly]);
  useEffect(() => {
    if (goTo !== undefined && view.current !== undefined) showLine(view.current, goTo.line);
  }, [goTo]);
  useEffect(() => {
    if (view.current !== undefined) showNotes(view.current, notes, (name) => latest.current.onCheck(name));
  }, [notes]);
  return <div ref={host} className="code-view" />;
}

function extensions(path: string, onSave: () => void): Extension {
  const save = () => {
    onSave();
    return true;
  };
  return [
    lineNumbers(),
    history(),
    drawSelection(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    lintGutter(),
    highlightSpecialChars({ addSpecialChars: hiddenCharacters }),
    codeHighlight(path),
    codeTheme,
    keymap.of([
      { key: "Mod-s", run: save, preventDefault: true },
      { key: "F8", run: nextDiagnostic },
      ...searchKeymap,
      ...historyKeymap,
      ...defaultKeymap,
      indentWithTab,
    ]),
  ];
}

function accessOf(readOnly: boolean): Extension {
  const label = readOnly ? "Text of the file, read only" : "Text of the file";
  return [
    EditorState.readOnly.of(readOnly),
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
  ];
}

/** Changes only what differs, so that the cursor and the scroll position stay. */
function replaceText(view: EditorView, text: string): void {
  const before = view.state.doc.toString();
  if (before === text) return;
  const most = Math.min(before.length, text.length);
  let head = 0;
  while (head < most && before[head] === text[head]) head += 1;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail) === text.at(-1 - tail)) tail += 1;
  view.dispatch({
    changes: { from: head, to: before.length - tail, insert: text.slice(head, text.length - tail) },
    annotations: fromOutside.of(true),
  });
}

/** Marks the lines of the notes, which move with the text while it is edited. */
function showNotes(view: EditorView, notes: readonly LineNote[], onCheck: (name: string) => void): void {
  const { doc } = view.state;
  const diagnostics = notes
    .filter(({ line }) => line <= doc.lines)
    .map(({ check, line, column = 1, message }): Diagnostic => {
      const { from, to } = doc.line(line);
      return {
        ...{ from: Math.min(from + column - 1, to), to, severity: "error" },
        ...{ source: visibleText(check), message: visibleText(message) },
        actions: [{ name: "Show the result", apply: () => onCheck(check) }],
      };
    });
  view.dispatch(
    setDiagnostics(
      view.state,
      diagnostics.toSorted((a, b) => a.from - b.from),
    ),
  );
}

function showLine(view: EditorView, line: number): void {
  const { doc } = view.state;
  const { from } = doc.line(Math.min(doc.lines, Math.max(1, line)));
  view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
}
