import { useEffect, useRef } from "react";

/** All keys of a screen. */
export function KeysHelp({
  title,
  keys,
  onClose,
}: {
  readonly title: string;
  readonly keys: readonly { readonly key: string; readonly text: string }[];
  readonly onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="keys-help-title" onClose={onClose}>
      <h2 id="keys-help-title">{title}</h2>
      <dl className="keys-help">
        {keys.map(({ key, text }) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <div className="dialog-foot">
        <button type="button" className="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
