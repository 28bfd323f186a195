/**
 * Completion scripts for shells. Each passes the words of the command line, unexpanded, to `holdfast complete --` and
 * reads lines of a value, a tab and a description, with a last line of ":0" where file names are offered as well.
 */

const bash = String.raw`# bash completion for holdfast
_holdfast() {
  local value description answer
  COMPREPLY=()
  answer=$(holdfast complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  while IFS=$'\t' read -r value description; do
    case $value in
      :0) compopt -o default ;;
      :*) ;;
      *) COMPREPLY+=("$value") ;;
    esac
  done <<< "$answer"
}
complete -F _holdfast holdfast
`;

const zsh = String.raw`#compdef holdfast
_holdfast() {
  local -a candidates
  local value description files
  while IFS=$'\t' read -r value description; do
    case $value in
      :0) files=1 ;;
      :*) ;;
      *) candidates+=("\${value//:/\:}:$description") ;;
    esac
  done < <(holdfast complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe holdfast candidates
  [[ -n $files ]] && _files
}
compdef _holdfast holdfast
`;

const fish = `# fish completion for holdfast
function __holdfast_candidates
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in (holdfast complete -- $words[2..] "$current" 2>/dev/null)
    switch $line
      case ':0'
        __fish_complete_path "$current"
      case ':*'
      case '*'
        echo $line
    end
  end
end
complete -c holdfast -f -a '(__holdfast_candidates)'
`;

/** The scripts by the name of their shell. */
export const completionScripts = {
  bash: bash.replaceAll("\\${", "${"),
  zsh: zsh.replaceAll("\\${", "${"),
  fish,
} as const;
