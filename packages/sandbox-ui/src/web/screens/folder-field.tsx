/** The working directory of an agent or a process; empty means that of the server. */
export function FolderField({
  id,
  value,
  onChange,
}: {
  readonly id: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <div className="field">
      <label htmlFor={id}>Folder</label>
      <input
        id={id}
        value={value}
        placeholder="The working directory of the server"
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
