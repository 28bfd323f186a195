/** Images before and after a change. They are shown from memory, where nothing in them can run. */
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { DiffFile } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import type { StudioApi } from "../../shared/port.ts";
import "./images.css";
import { useDiffSource } from "../compare/diff-source.ts";
import { imageType } from "./image-kind.ts";

const maxBytes = 8 * 1024 * 1024;

/** An image before and after, with its sizes. */
export function ImageDiff({ file }: { readonly file: DiffFile }) {
  const { diff } = useDiffSource();
  const { status, path, oldPath } = file;
  return (
    <div className="image-diff">
      {status !== "added" && <Side label="Before" tree={diff.base} path={oldPath ?? path} />}
      {status !== "deleted" && <Side label="After" tree={diff.tree} path={path} />}
    </div>
  );
}

function Side({
  label,
  tree,
  path,
}: {
  readonly label: string;
  readonly tree: string;
  readonly path: string;
}) {
  const api = useApi();
  const { taskId } = useDiffSource();
  const [pixels, setPixels] = useState<string>();
  const [isBroken, setBroken] = useState(false);
  const query = useQuery({
    queryKey: ["image", taskId, tree, path],
    queryFn: ({ signal }) => readImage(api, taskId, tree, path, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
  });
  return (
    <figure className="image-side">
      <figcaption>
        {label}
        {query.data !== undefined && (
          <span className="muted"> {[pixels, sizeText(query.data.size)].filter(Boolean).join(", ")}</span>
        )}
      </figcaption>
      {query.isPending && <Loading label="Loading the image" rows={3} />}
      {query.isError && <ErrorNotice error={query.error} title="The image could not be loaded." />}
      {query.data?.url === undefined && query.data !== undefined && (
        <p className="field-help">It is too large to be shown.</p>
      )}
      {query.data?.url !== undefined &&
        (isBroken ? (
          <p className="field-help">It is not an image that this browser can show.</p>
        ) : (
          // A document in an image element runs no script and loads nothing.
          <img
            src={query.data.url}
            alt={`${path}, ${label.toLowerCase()} the change`}
            onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
              setPixels(naturalWidth === 0 ? undefined : `${naturalWidth} × ${naturalHeight}`)
            }
            onError={() => setBroken(true)}
          />
        ))}
    </figure>
  );
}

interface Image {
  readonly size: number;
  /** A data address; undefined if the image is too large. */
  readonly url?: string;
}

async function readImage(
  api: StudioApi,
  taskId: string,
  tree: string,
  path: string,
  signal: AbortSignal,
): Promise<Image> {
  const parts: string[] = [];
  let size = 0;
  for (let from: number | null = 0; from !== null; ) {
    const part: { bytes: string; size: number; next: number | null } = await api
      .task(taskId)
      .fileBytes({ tree, path, from });
    signal.throwIfAborted();
    size = part.size;
    if (size > maxBytes) return { size };
    parts.push(part.bytes);
    from = part.next;
  }
  // Each part but the last has a multiple of three bytes, so that the parts are one text in base64.
  return { size, url: `data:${imageType(path) ?? "image/png"};base64,${parts.join("")}` };
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
