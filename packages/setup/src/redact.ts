const USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*):([^\s/?#]*)@/gi;
const PARAMETER = /\b(password|sslpassword|passfile)=("[^"]*"|'[^']*'|[^\s&]*)/gi;

/** The text with the passwords of connection strings in it replaced by `***`. */
export function redact(text: string): string {
  return text.replace(USER_INFO, '$1:***@').replace(PARAMETER, '$1=***');
}
