package org.example.modules.app;

import org.example.modules.core.Point;

public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        System.out.println(origin());
    }

    static String origin() throws Exception {
        return new Point(0, 0).json();
    }
}
