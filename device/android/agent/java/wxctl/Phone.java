package wxctl;

import android.app.ActivityManagerNative;
import android.app.IActivityManager;
import android.os.ServiceManager;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

/**
 * The system services, reached by Binder without a Context: an agent started
 * by app_process has none. Their methods have other parameters at other API
 * levels, so they are found by name and by what fits.
 */
final class Phone {
    /** The package of the uid of adb's shell. From API 30 on a caller must name a package of its own. */
    static final String SHELL = "com.android.shell";

    private Phone() {}

    /** Calls the activity manager. */
    static Object activity(String method, Object[]... shapes) throws Throwable {
        // Below API 26 it has no IActivityManager.Stub; getDefault is there at every level.
        return call(IActivityManager.class, ActivityManagerNative.getDefault(), method, shapes);
    }

    /** Calls another service by the class of its interface. */
    static Object service(String name, String type, String method, Object[]... shapes) throws Throwable {
        Object stub = call(Class.forName(type + "$Stub"), null, "asInterface", new Object[] {ServiceManager.getService(name)});
        return call(Class.forName(type), stub, method, shapes);
    }

    /**
     * Calls the interface's method of that name with the first of the shapes
     * that fits its parameters. A null fits every reference, an Integer also
     * the long that flags became at API 33. A shape may be null.
     */
    static Object call(Class<?> type, Object target, String name, Object[]... shapes) throws Throwable {
        for (Object[] args : shapes) {
            for (Method m : type.getMethods()) {
                if (args == null || !m.getName().equals(name)) continue;
                Object[] fitted = fit(m.getParameterTypes(), args);
                if (fitted == null) continue;
                try {
                    return m.invoke(target, fitted);
                } catch (InvocationTargetException e) {
                    throw e.getCause();
                }
            }
        }
        throw new NoSuchMethodException("no known form of " + type.getName() + "." + name);
    }

    /** The value of a public field, whatever class declares it. */
    static Object field(Object of, String name) throws Throwable {
        return of.getClass().getField(name).get(of);
    }

    private static Object[] fit(Class<?>[] types, Object[] args) {
        if (types.length != args.length) return null;
        Object[] out = args.clone();
        for (int i = 0; i < types.length; i++) {
            Class<?> type = types[i];
            Object arg = args[i];
            if (type == long.class && arg instanceof Integer) out[i] = ((Integer) arg).longValue();
            else if (type == int.class ? !(arg instanceof Integer)
                : type == boolean.class ? !(arg instanceof Boolean)
                : type.isPrimitive() || arg != null && !type.isInstance(arg)) return null;
        }
        return out;
    }
}
