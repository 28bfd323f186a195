import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CrossIcon } from "@holdfast/web-parts";
import { formatBytes } from "@holdfast/web-parts/format";
import type { AttachmentView } from "../../../contract.ts";
import { attachmentUrl, type Upload } from "./upload.ts";

/** Files of a prompt that is being written: those that are uploaded, and those on their way. */
export function EditableAttachments({
  attachments,
  uploads,
  onRemove,
  onRetry,
  onCancel,
}: {
  readonly attachments: readonly AttachmentView[];
  readonly uploads: readonly Upload[];
  readonly onRemove: (id: string) => void;
  readonly onRetry: (key: string) => void;
  readonly onCancel: (key: string) => void;
}) {
  if (attachments.length === 0 && uploads.length === 0) return null;
  return (
    <ul className="attachments" aria-label="Attached files">
      {attachments.map((each) => (
        <li key={each.id} className="attachment">
          <Thumbnail attachment={each} />
          <span className="attachment-name">{visibleText(each.name)}</span>
          <span className="muted">{formatBytes(each.bytes)}</span>
          <RemoveButton name={each.name} onClick={() => onRemove(each.id)} />
        </li>
      ))}
      {uploads.map(({ key, file, problem }) => (
        <li key={key} className={problem === undefined ? "attachment" : "attachment attachment-failed"}>
          <span className="attachment-name">{visibleText(file.name)}</span>
          {problem === undefined ? (
            <span className="muted">Uploading…</span>
          ) : (
            <>
              <span role="alert">{problem}</span>
              <button type="button" className="button button-small" onClick={() => onRetry(key)}>
                Retry<span className="visually-hidden"> {visibleText(file.name)}</span>
              </button>
            </>
          )}
          <RemoveButton name={file.name} onClick={() => onCancel(key)} />
        </li>
      ))}
    </ul>
  );
}

function RemoveButton({ name, onClick }: { readonly name: string; readonly onClick: () => void }) {
  return (
    <button
      type="button"
      className="attachment-remove"
      aria-label={`Remove ${visibleText(name)}`}
      onClick={onClick}
    >
      <CrossIcon />
    </button>
  );
}

/** Files of a prompt that was sent. */
export function SentAttachments({ attachments }: { readonly attachments: readonly AttachmentView[] }) {
  return (
    <ul className="attachments" aria-label="Attached files">
      {attachments.map((each) => (
        <li key={each.id}>
          <a className="attachment" href={attachmentUrl(each.id)} target="_blank" rel="noreferrer">
            <Thumbnail attachment={each} />
            <span className="attachment-name">{visibleText(each.name)}</span>
            <span className="muted">{formatBytes(each.bytes)}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function Thumbnail({ attachment: { id, mediaType } }: { readonly attachment: AttachmentView }) {
  if (!mediaType.startsWith("image/")) return null;
  return <img className="attachment-image" src={attachmentUrl(id)} alt="" loading="lazy" />;
}
