package wxctl;

/** Why a request can't be carried out, in a kind that the asker knows. */
final class Failure extends Exception {
    final String kind;

    private Failure(String kind, String message) {
        super(message);
        this.kind = kind;
    }

    static Failure bad(String message) {
        return new Failure("BadRequest", message);
    }

    static Failure missing(String message) {
        return new Failure("NotFound", message);
    }

    static Failure unsupported(String message) {
        return new Failure("Unsupported", message);
    }
}
