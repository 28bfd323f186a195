import { ErrorNotice, Loading, RefreshIcon, useDebounced } from "@holdfast/web-parts";
import type { FileRef } from "@holdfast/web-parts/sandbox";
import { useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { keys } from "../queries.ts";
import { FileSearch, type SearchPlace } from "./file-search.tsx";
import { FileTree } from "./file-tree.tsx";
import { useFileSource } from "./source/file-source.ts";
import type { Tree } from "./use-tree.ts";

const searchDelayMs = 250;

/** The files of the workspace as a tree or, while there is text in its field, what a search finds. */
export function FilesPane({
  tree,
  shown,
  unsaved,
  onShow,
}: {
  readonly tree: Tree;
  readonly shown: FileRef | undefined;
  readonly unsaved: ReadonlySet<FileRef>;
  readonly onShow: (file: FileRef, line?: number) => void;
}) {
  const id = useId();
  const { scope } = useFileSource();
  const queries = useQueryClient();
  const [place, setPlace] = useState<SearchPlace>("names");
  const [text, setText] = useState("");
  const searched = useDebounced(text.trim(), searchDelayMs);
  const { entries, error } = tree.root;
  return (
    <div className="files-pane">
      <search className="files-search">
        <label htmlFor={id} className="visually-hidden">
          Search files
        </label>
        <input
          id={id}
          type="search"
          value={text}
          placeholder={place === "names" ? "Search names" : "Search contents"}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          onChange={(event) => setText(event.target.value)}
        />
        <select
          aria-label="Search in"
          value={place}
          onChange={(event) => setPlace(event.target.value === "contents" ? "contents" : "names")}
        >
          <option value="names">Names</option>
          <option value="contents">Contents</option>
        </select>
        <button
          type="button"
          className="icon-button"
          aria-label="Reload files"
          title="Reload files"
          onClick={() => void queries.invalidateQueries({ queryKey: keys.directories(scope) })}
        >
          <RefreshIcon />
        </button>
      </search>
      {searched !== "" && text.trim() !== "" ? (
        <FileSearch place={place} text={searched} onShow={onShow} />
      ) : (
        <>
          {entries === undefined && error !== undefined && error !== null && <ErrorNotice error={error} />}
          {entries === undefined && (error === undefined || error === null) && (
            <Loading label="Loading the files" rows={8} />
          )}
          {entries !== undefined && <FileTree tree={tree} shown={shown} unsaved={unsaved} onShow={onShow} />}
        </>
      )}
    </div>
  );
}
