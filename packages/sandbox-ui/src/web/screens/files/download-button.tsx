/** Files of the sandbox. */
import { ErrorNotice } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";

export function DownloadButton({
  label,
  accessibleLabel,
  onDownload,
}: {
  readonly label: string;
  readonly accessibleLabel?: string;
  readonly onDownload: () => Promise<void>;
}) {
  const work = useMutation({ mutationFn: onDownload });
  return (
    <>
      <button
        type="button"
        className="button button-small"
        aria-label={accessibleLabel}
        disabled={work.isPending}
        onClick={() => work.mutate()}
      >
        {label}
      </button>
      {work.isError && <ErrorNotice error={work.error} title="The download failed." />}
    </>
  );
}
